-- Up Migration
-- How often something was tried: the table of rate-limiter-flexible, whose statements name it and its columns by place.
-- Unlogged: a count costs no wait for the disk and survives every clean stop; a crash of the server forgets the counts.
-- Keys are keyed hashes; no account and no address can be read here.
create unlogged table rate_limits (
  key text collate "C" primary key,
  points integer not null default 0,
  -- Milliseconds since 1970; null for never.
  expire bigint
);
create index rate_limits_expire_idx on rate_limits (expire);

alter table rate_limits enable row level security, force row level security;
-- It belongs to nobody: what counts is counted before anybody is known.
create policy api_count on rate_limits for all to atelier_api using (true) with check (true);
grant select, insert, update, delete on rate_limits to atelier_api;
