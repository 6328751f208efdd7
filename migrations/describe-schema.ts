// The schema as PostgreSQL's catalogue knows it, as text: what schema.sql holds and its test compares.
import pg from "pg";

const TABLES = `
  select c.relname as name,
    format('create %stable %I (%s%s)%s;', case when c.relpersistence = 'u' then 'unlogged ' else '' end, c.relname,
      (select string_agg(format(E'\\n  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
          case when a.attnotnull then ' not null' else '' end,
          coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')), ',' order by a.attnum)
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), E'\\n',
      case when c.relkind = 'p' then ' partition by ' || pg_get_partkeydef(c.oid) else '' end) as text
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and c.relname <> 'schema_migrations'
  order by c.relname`;

const CONSTRAINTS = `
  select c.conrelid::regclass::text || c.conname as name,
    format('alter table %s add constraint %I %s;', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) as text
  from pg_constraint c join pg_class t on t.oid = c.conrelid
  where c.connamespace = 'public'::regnamespace and c.contype <> 'n' and not t.relispartition
    and t.relname <> 'schema_migrations'
  order by 1`;

const INDEXES = `
  select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) || ';' as text
  from pg_index i join pg_class t on t.oid = i.indrelid
  where t.relnamespace = 'public'::regnamespace and not t.relispartition and t.relname <> 'schema_migrations'
    and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
  order by 1`;

const TRIGGERS = `
  select t.tgrelid::regclass::text || t.tgname as name, pg_get_triggerdef(t.oid) || ';' as text
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
  where c.relnamespace = 'public'::regnamespace and not t.tgisinternal and not c.relispartition
  order by 1`;

const SECURITY = `
  select relname as name, format('alter table %I %s row level security, %s row level security;', relname,
    case when relrowsecurity then 'enable' else 'disable' end,
    case when relforcerowsecurity then 'force' else 'no force' end) as text
  from pg_class
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relrowsecurity and not relispartition
  order by relname`;

const POLICIES = `
  select tablename || policyname as name, format(E'create policy %I on %I for %s to %s%s%s;', policyname, tablename,
    lower(cmd), array_to_string(roles, ', '), E'\\n  using (' || qual || ')',
    E'\\n  with check (' || with_check || ')') as text
  from pg_policies where schemaname = 'public' order by tablename, policyname`;

const GRANTS = `
  select table_name || grantee as name, format('grant %s on %I to %s;',
    lower(string_agg(privilege_type, ', ' order by privilege_type)), table_name, grantee) as text
  from information_schema.role_table_grants
  where table_schema = 'public' and table_name <> 'schema_migrations' and grantee like 'atelier\\_%'
  group by table_name, grantee order by table_name, grantee`;

const COLUMN_GRANTS = `
  select format('grant %s (%s) on %s to %s;', lower(x.privilege_type),
    string_agg(a.attname, ', ' order by a.attnum), a.attrelid::regclass, x.grantee::regrole) as text
  from pg_attribute a join pg_class c on c.oid = a.attrelid, aclexplode(a.attacl) x
  where c.relnamespace = 'public'::regnamespace
  group by a.attrelid, x.grantee, x.privilege_type
  order by a.attrelid::regclass::text, x.grantee::regrole::text, x.privilege_type`;

const FUNCTIONS = `
  select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) || ';' as text
  from pg_proc p where p.pronamespace = 'public'::regnamespace order by 1`;

const FUNCTION_GRANTS = `
  select p.oid::regprocedure::text || a.grantee as name,
    format('grant execute on function %s to %s;', p.oid::regprocedure,
      coalesce(nullif(a.grantee::regrole::text, '-'), 'public')) as text
  from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  where p.pronamespace = 'public'::regnamespace and a.grantee <> p.proowner
  order by p.oid::regprocedure::text, a.grantee::regrole::text`;

/** Everything of ours in schema public, month partitions and bookkeeping left out, in a stable order. */
export async function describeSchema(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const sections: string[] = [];
    for (const statement of [
      TABLES,
      CONSTRAINTS,
      INDEXES,
      FUNCTIONS,
      TRIGGERS,
      SECURITY,
      POLICIES,
      GRANTS,
      COLUMN_GRANTS,
      FUNCTION_GRANTS,
    ]) {
      const { rows } = await client.query<{ text: string }>(statement);
      sections.push(rows.map((row) => row.text.trim()).join("\n"));
    }
    return `-- Written by npm run schema from the catalogue of a migrated database. Not run by anything.\n\n${sections.join("\n\n")}\n`;
  } finally {
    await client.end();
  }
}
