-- Up Migration
-- Finding entries: newest first by time, because imports bring old entries under new numbers.
drop index audit_logs_actor_idx;
drop index audit_logs_action_idx;
drop index audit_logs_target_idx;
create index audit_logs_time_idx on audit_logs (chain_id, at desc, seq desc);
create index audit_logs_actor_idx on audit_logs (chain_id, actor_id, at desc, seq desc);
create index audit_logs_action_idx on audit_logs (chain_id, action, at desc, seq desc);
create index audit_logs_target_idx on audit_logs (chain_id, target_id, at desc, seq desc);

-- The words of an entry, each behind six letters of its chain's id, so that one chain's search never wades through
-- another's entries (btree_gin, which would say the same, is not installed everywhere). They are written by the
-- process: splitting texts in PostgreSQL cost 70 to 100 µs an entry.
alter table audit_logs add column words tsvector;

-- The same in SQL, for what happens rarely.
create function audit_words(p_chain uuid, p_target_type text, p_text text) returns tsvector
  language sql immutable return array_to_tsvector(array(
    select distinct right(p_chain::text, 6) || left(word, 64)
    from regexp_split_to_table(lower(regexp_replace(p_text,
      '([0-9a-fA-F]{8})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{12})', '\1\2\3\4\5', 'g')),
      '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+') word
    where word <> ''
    union all select right(p_chain::text, 6) || '_' || p_target_type));

-- Entries of before get theirs here. The owner is under row-level security too, and the trigger refuses.
alter table audit_logs no force row level security;
alter table audit_logs disable trigger audit_logs_append_only;
update audit_logs set words = audit_words(chain_id, target_type, left(concat_ws(' ', action, target_type, target_id, (
  select string_agg(value #>> '{}', ' ') from jsonb_path_query(details, 'strict $.**') value
  where jsonb_typeof(value) in ('string', 'number'))), 16000));
alter table audit_logs enable trigger audit_logs_append_only;
alter table audit_logs force row level security;
create index audit_logs_words_idx on audit_logs using gin (words);

-- Erased details must not live on in the search.
create function forget_audit_words() returns trigger language plpgsql as $$
begin
  new.words := public.audit_words(new.chain_id, new.target_type, concat_ws(' ', new.action, new.target_type, new.target_id));
  return new;
end $$;
create trigger audit_logs_forget_words before update of details on audit_logs
  for each row when (old.details is distinct from new.details) execute function forget_audit_words();

-- The instance's own chain is for its administrators, and only for them.
create policy api_instance_chain on audit_logs for select to atelier_api
  using (chain_id = '00000000-0000-0000-0000-000000000000' and exists (
    select from users u where u.id = (select app_user_id()) and u.is_admin and u.disabled_at is null));

-- Row-level security keeps PostgreSQL from using the index on words: its operator is not leakproof. So this one look-up
-- runs past the policies, under the same rule: it says in which entries of a chain words stand, only to those
-- who may read the chain, and only numbers and times come out.
create policy identity_find on audit_logs for select to atelier_identity using (true);
grant select (chain_id, seq, at, actor_id, action, target_id, words) on audit_logs to atelier_identity;
create function identity_find_audit_words(p_chain uuid, p_words tsquery, p_actor uuid, p_action text, p_target text,
  p_from timestamptz, p_to timestamptz, p_before_at timestamptz, p_before_seq bigint, p_limit int)
  returns table (at timestamptz, seq bigint)
  language sql stable security definer set search_path = pg_catalog, public as $$
  -- Materialized: the words are looked up by their own index, not tried on a walk through the whole chain.
  with found as materialized (
    select l.chain_id, l.at, l.seq, l.actor_id, l.action, l.target_id
    from public.audit_logs l where l.words @@ p_words
  )
  select f.at, f.seq from found f
  where f.chain_id = p_chain
    and (p_chain = any (public.app_workspace_ids())
      or p_chain = '00000000-0000-0000-0000-000000000000' and exists (
        select from public.users u where u.id = public.app_user_id() and u.is_admin and u.disabled_at is null))
    and (p_actor is null or f.actor_id = p_actor)
    and (p_action is null or f.action = p_action)
    and (p_target is null or f.target_id = p_target)
    and (p_from is null or f.at >= p_from)
    and (p_to is null or f.at < p_to)
    and (p_before_at is null or (f.at, f.seq) < (p_before_at, p_before_seq))
  order by f.at desc, f.seq desc
  limit p_limit
$$;
revoke execute on function identity_find_audit_words from public;
grant execute on function identity_find_audit_words to atelier_api;
grant create on schema public to atelier_identity;
alter function identity_find_audit_words owner to atelier_identity;
revoke create on schema public from atelier_identity;
