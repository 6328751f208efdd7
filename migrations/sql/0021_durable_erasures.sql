-- Up Migration
-- Erasures are finished by whoever is there: the api that was asked, or the scheduler after it died. What is pending,
-- and how far it is, stands in tables that only the eraser reads.
drop function erase_member(uuid, uuid, text);
drop function erase_audit_details(uuid, uuid, uuid, bigint, int);
drop function erase_begin_person(uuid, text, uuid);
drop function erase_finish_person(uuid);

create table erasures (
  id uuid primary key,
  user_id uuid not null,
  -- The one workspace they leave; null: the whole instance. Not called workspace_id, because the log outlives workspaces.
  chain_id uuid,
  asked_by uuid not null,
  begun_at timestamptz not null default clock_timestamp(),
  -- What the log is searched for, and forgets last.
  email text,
  name text,
  -- When the person's row lost both; null within a workspace, whose people stay in the instance.
  sealed_at timestamptz,
  -- Transactions that ran before, which may still write down what they read.
  older_transactions text[],
  -- The scheduler leaves it alone until then: somebody is at work, or it failed a moment ago.
  due_at timestamptz not null default clock_timestamp() + interval '10 seconds',
  failures int not null default 0,
  moved_items int not null default 0,
  deleted_workspaces int not null default 0,
  left_workspaces int not null default 0,
  erased_entries int not null default 0,
  finished_at timestamptz
);
create unique index erasures_pending_idx on erasures (user_id, chain_id) nulls not distinct where finished_at is null;
create index erasures_due_idx on erasures (due_at) where finished_at is null;
-- How far each chain has been read.
create table erasure_places (
  erasure_id uuid not null references erasures (id) on delete cascade,
  chain_id uuid not null,
  seq bigint not null,
  primary key (erasure_id, chain_id)
);
alter table erasures enable row level security;
alter table erasures force row level security;
alter table erasure_places enable row level security;
alter table erasure_places force row level security;
create policy eraser_all on erasures for all to atelier_eraser using (true) with check (true);
create policy eraser_all on erasure_places for all to atelier_eraser using (true) with check (true);
grant select, insert, update on erasures to atelier_eraser;
grant select, insert, update, delete on erasure_places to atelier_eraser;
-- To lock the heads, which takes the right to change them.
create policy eraser_locks on audit_heads for all to atelier_eraser using (true) with check (true);
grant select, update on audit_heads to atelier_eraser;

-- Who is being erased stays out, whoever would let them in.
create function erase_keeps_out() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  if exists (select from public.erasures e
    where e.user_id = new.id and e.chain_id is null and e.finished_at is null) then
    raise exception 'this person is being erased' using errcode = 'ZA003';
  end if;
  return new;
end $$;
create trigger users_being_erased before update of disabled_at, is_admin on users for each row
  when (new.disabled_at is null and old.disabled_at is not null or new.is_admin and not old.is_admin)
  execute function erase_keeps_out();

-- Their rows that hold the address or let them in. For the functions below only.
create function erase_strip_person(p_user uuid, p_email text) returns void
  language plpgsql set search_path = pg_catalog, public as $$
begin
  delete from public.sessions where user_id = p_user;
  delete from public.reset_tokens where user_id = p_user;
  delete from public.api_keys where user_id = p_user;
  delete from public.invitations where lower(email) = lower(p_email) or accepted_by = p_user;
end $$;

-- Who gets what a person leaves in a workspace: its first other owner who may sign in. Null when there is none.
create function erase_heir(p_workspace uuid, p_user uuid) returns uuid
  language sql stable set search_path = pg_catalog, public
  return (select o.user_id from public.workspace_members o join public.users u on u.id = o.user_id
    where o.workspace_id = p_workspace and o.user_id <> p_user and o.role = 'owner' and u.disabled_at is null
    order by o.created_at, o.user_id limit 1);

create function erase_is_alone(p_workspace public.workspaces, p_user uuid) returns boolean
  language sql stable set search_path = pg_catalog, public
  return (p_workspace).personal and (p_workspace).created_by = p_user or not exists (
    select from public.workspace_members o where o.workspace_id = (p_workspace).id and o.user_id <> p_user);

-- Gives what they own in shared workspaces to an owner there (or to p_successor), hides those that are theirs alone.
-- Shared ones without an heir come back as orphans, and then nothing has changed.
create function erase_leave_workspaces(p_user uuid, p_email text, p_successor uuid)
  returns table (orphans uuid[], hidden uuid[], shared uuid[], members uuid[])
  language plpgsql set search_path = pg_catalog, public as $$
declare
  w public.workspaces;
  heir uuid;
begin
  hidden := '{}';
  shared := '{}';
  members := '{}';
  -- In their order, and before anybody looks for heirs: an owner who is leaving holds this lock.
  perform from public.workspaces x where x.deleted_at is null and (x.personal and x.created_by = p_user
    or exists (select from public.workspace_members m where m.workspace_id = x.id and m.user_id = p_user))
    order by x.id for no key update;
  orphans := array(select x.id from public.workspaces x
    join public.workspace_members m on m.workspace_id = x.id and m.user_id = p_user
    where x.deleted_at is null and p_successor is null and not public.erase_is_alone(x, p_user)
      and public.erase_heir(x.id, p_user) is null);
  if orphans = '{}' then
    for w in select x.* from public.workspaces x where x.deleted_at is null and (x.personal and x.created_by = p_user
      or exists (select from public.workspace_members m where m.workspace_id = x.id and m.user_id = p_user))
      order by x.id loop
      if public.erase_is_alone(w, p_user) then
        members := members || public.erase_hide_workspace(w.id);
        hidden := hidden || w.id;
      else
        heir := coalesce(public.erase_heir(w.id, p_user), p_successor);
        insert into public.workspace_members (workspace_id, user_id, role) values (w.id, heir, 'owner')
        on conflict (workspace_id, user_id) do update set role = 'owner';
        perform public.erase_move_ownership(w.id, p_user, heir);
        delete from public.workspace_members where workspace_id = w.id and user_id = p_user;
        update public.approvals set approvers = array_replace(approvers, p_email, 'erased-' || p_user || '@invalid')
        where workspace_id = w.id and p_email = any (approvers);
        shared := shared || w.id;
        members := members || heir;
      end if;
    end loop;
  end if;
  return next;
end $$;

-- The pending erasure of a person, locked; before anything else of theirs, as every step does.
create function erase_lock_pending(p_user uuid, p_chain uuid) returns uuid
  language sql set search_path = pg_catalog, public as $$
  select id from public.erasures
  where user_id = p_user and chain_id is not distinct from p_chain and finished_at is null for update
$$;

-- Takes a person out of one workspace; what they own there goes to the caller, its owner. outcome: erased | not_found
-- (no owner asks, or the person never had to do with the workspace) | mismatch (of the e-mail) | self |
-- personal (whose own workspace this is: without it they could not sign in). The log is left to erase_step of
-- `erasure`: p_erasure, or the one that is pending. joined: it was, and nothing was left to take.
create function erase_member(p_erasure uuid, p_workspace uuid, p_user uuid, p_email text)
  returns table (outcome text, moved int, erasure uuid, joined boolean)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  u public.users;
  w public.workspaces;
  pending uuid;
  was_member boolean;
  n int;
begin
  select * into w from public.workspaces where id = p_workspace for no key update;
  -- A statement of its own: who waited for the lock may have been erased or disabled meanwhile.
  if not public.erase_owns_workspace(p_workspace)
    or not exists (select from public.users where id = public.app_user_id() and disabled_at is null) then
    return query select 'not_found', 0, null::uuid, false;
    return;
  end if;
  select * into u from public.users where id = p_user and erased_at is null;
  if not found or not (
    exists (select from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.actor_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.target_id = p_user::text)) then
    return query select 'not_found', 0, null::uuid, false;
  elsif p_user = public.app_user_id() then
    return query select 'self', 0, null::uuid, false;
  elsif lower(u.email) <> lower(p_email) then
    return query select 'mismatch', 0, null::uuid, false;
  elsif w.personal and w.created_by = p_user then
    return query select 'personal', 0, null::uuid, false;
  else
    delete from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user;
    was_member := found;
    delete from public.api_keys k where k.workspace_id = p_workspace and k.user_id = p_user;
    delete from public.invitations i where i.workspace_id = p_workspace
      and (lower(i.email) = lower(u.email) or i.accepted_by = p_user);
    update public.approvals set approvers = array_replace(approvers, u.email, 'erased-' || p_user || '@invalid')
    where workspace_id = p_workspace and u.email = any (approvers);
    n := public.erase_move_ownership(p_workspace, p_user, public.app_user_id());
    pending := public.erase_lock_pending(p_user, p_workspace);
    if pending is null then
      insert into public.erasures (id, user_id, chain_id, asked_by, email, name, moved_items)
      values (p_erasure, p_user, p_workspace, public.app_user_id(), u.email, u.name, n);
    else
      update public.erasures e set moved_items = e.moved_items + n, older_transactions = null where e.id = pending;
    end if;
    return query select 'erased', n, coalesce(pending, p_erasure), pending is not null and not was_member and n = 0;
  end if;
end $$;

-- Disables a person for good, ends what they hold, takes them out of every workspace. outcome: begun | forbidden |
-- not_found | self | mismatch | last_owner (of `shared`) | successor (is disabled, or being erased). Doing it again
-- is harmless and joins the erasure that is pending. The log and the row are left to erase_step.
create function erase_begin_person(p_erasure uuid, p_user uuid, p_email text, p_successor uuid)
  returns table (outcome text, "hidden" uuid[], "shared" uuid[], "memberIds" uuid[], erasure uuid, joined boolean)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  u public.users;
  pending uuid;
  address text;
  refusal text;
  gone record;
  none uuid[] := '{}';
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('admins'));
  if not public.erase_is_admin() then
    return query select 'forbidden', none, none, none, null::uuid, false;
    return;
  end if;
  pending := public.erase_lock_pending(p_user, null);
  select * into u from public.users where id = p_user and erased_at is null for update;
  address := coalesce((select e.email from public.erasures e where e.id = pending), u.email);
  refusal := case
    when u.id is null or p_successor = p_user then 'not_found'
    when p_successor is not null and not exists (select from public.users where id = p_successor) then 'not_found'
    when p_user = public.app_user_id() then 'self'
    when lower(p_email) <> lower(address) then 'mismatch'
    when p_successor is not null
      and exists (select from public.users where id = p_successor and disabled_at is not null) then 'successor' end;
  if refusal is not null then
    return query select refusal, none, none, none, null::uuid, false;
    return;
  end if;
  select * into gone from public.erase_leave_workspaces(p_user, address, p_successor);
  if gone.orphans <> '{}' then
    return query select 'last_owner', none, gone.orphans, none, null::uuid, false;
    return;
  end if;
  update public.users set disabled_at = coalesce(disabled_at, clock_timestamp()), is_admin = false where id = p_user;
  perform public.erase_strip_person(p_user, address);
  if pending is null then
    insert into public.erasures (id, user_id, asked_by, email, name, deleted_workspaces, left_workspaces)
    values (p_erasure, p_user, public.app_user_id(), address, u.name, cardinality(gone.hidden), cardinality(gone.shared));
  else
    update public.erasures e set deleted_workspaces = e.deleted_workspaces + cardinality(gone.hidden),
      left_workspaces = e.left_workspaces + cardinality(gone.shared) where e.id = pending;
  end if;
  return query select 'begun', gone.hidden, gone.shared, gone.members || p_user, coalesce(pending, p_erasure),
    pending is not null and gone.hidden || gone.shared = '{}';
end $$;

-- Looks at the next p_limit entries of the erasure's chains and empties the details that name the person: with their
-- e-mail address; with their name in entries by or about them only, because people choose their names, and one that
-- reads like something else in the log must not empty what others did. The lists of what was emptied stay. For
-- erase_step only. Joins go by the keys, from the places in the chains: the planner, which cannot know how little is
-- left, read the whole log (2,000 entries took 240 ms instead of 30 in a log of 20,000).
create function erase_look(e public.erasures, p_limit int) returns table (looked bigint, erased jsonb)
  language sql set search_path = pg_catalog, public
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
  with person as materialized (
    select public.erase_pattern((e).email) as by_email,
      case when trim((e).name) <> '' then public.erase_pattern(trim((e).name)) end as by_name
  ), behind as (
    select h.chain_id, coalesce(p.seq, 0) as seq, h.seq - coalesce(p.seq, 0) as entries,
      sum(h.seq - coalesce(p.seq, 0)) over (order by h.chain_id) - (h.seq - coalesce(p.seq, 0)) as before
    from public.audit_heads h
    left join public.erasure_places p on p.erasure_id = (e).id and p.chain_id = h.chain_id
    where ((e).chain_id is null or h.chain_id = (e).chain_id) and h.seq > coalesce(p.seq, 0)
  ), share as materialized (
    select chain_id, seq, seq + least(entries, p_limit - before)::bigint as upto from behind where before < p_limit
  ), page as materialized (
    select a.place
    from person, share cross join lateral (
      select l.ctid as place, l.* from public.audit_logs l
      where l.chain_id = share.chain_id and l.seq > share.seq and l.seq <= share.upto
      order by l.seq limit p_limit) a
    where a.details is not null and a.action <> 'audit.details_erased'
      and (lower(a.details::text) ~ person.by_email
        or ((a.actor_id = (e).user_id or a.target_id = (e).user_id::text)
          and lower(a.details::text) ~ person.by_name))
  ), emptied as (
    update public.audit_logs a set details = null where a.ctid = any (array(select place from page))
    returning a.chain_id, a.id
  ), per_chain as (
    select chain_id, jsonb_agg(id order by id) as ids from emptied group by chain_id
  ), placed as (
    insert into public.erasure_places (erasure_id, chain_id, seq) select (e).id, chain_id, upto from share
    on conflict (erasure_id, chain_id) do update set seq = excluded.seq
  )
  select (select coalesce(sum(upto - seq), 0)::bigint from share),
    coalesce((select jsonb_object_agg(chain_id, ids) from per_chain), '{}')
$$;

-- Keeps everybody from writing into the erasure's chains until the commit: as last lock of all, as writers take it. The
-- whole table for the instance, because a chain that is just being made has no head to lock yet. False when a writer
-- does not end in time: behind this lock all others would wait. For erase_step only.
create function erase_lock_heads(p_chain uuid) returns boolean
  language plpgsql set search_path = pg_catalog, public set lock_timeout = '2s' as $$
begin
  if p_chain is null then
    lock table public.audit_heads in share row exclusive mode;
  else
    perform from public.audit_heads where chain_id = p_chain for no key update;
  end if;
  return true;
exception when lock_not_available then
  return false;
end $$;

-- One step of a pending erasure; looks at p_limit entries, twice when it comes to the end. p_hold_ms: for so long after
-- it the scheduler leaves the erasure alone. step: read | sealed (the person's row is nameless) | waiting (for
-- transactions older than that, or for a slow writer) | done | finished (before) | busy (this one or another is in other hands). `erased`, `hidden` and `shared`
-- need their entries before the commit.
create function erase_step(p_erasure uuid, p_limit int, p_hold_ms int)
  returns table (step text, "userId" uuid, "chainId" uuid, "askedBy" uuid, erased jsonb, "hidden" uuid[],
    "shared" uuid[], "memberIds" uuid[], "movedItems" int, "deletedWorkspaces" int, "leftWorkspaces" int,
    "erasedEntries" int)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  e public.erasures;
  seen record;
  last_look record;
  gone record;
begin
  erased := '{}';
  hidden := '{}';
  shared := '{}';
  "memberIds" := '{}';
  select * into e from public.erasures x where x.id = p_erasure and x.finished_at is null for update skip locked;
  if not found then
    select * into e from public.erasures x where x.id = p_erasure;
    step := case when e.finished_at is null then 'busy' else 'finished' end;
  -- The last look of one holds heads when it comes to the entries, a step of another holds entries when it comes to the
  -- heads: one at a time. Nobody waits for their turn, because whoever waits holds a connection of the interface.
  elsif not pg_try_advisory_xact_lock(hashtext('atelier'), hashtext('erasures')) then
    step := 'busy';
  else
    select * into seen from public.erase_look(e, p_limit);
    erased := seen.erased;
    if seen.looked >= p_limit then
      step := 'read';
    elsif e.chain_id is null and e.sealed_at is null then
      update public.users set email = 'erased-' || id || '@invalid', name = 'Erased person', password_hash = 'erased',
        totp_secret = null, totp_wrapped_key = null, totp_key_id = null, totp_last_step = null, totp_enabled_at = null,
        recovery_code_hashes = '{}', legacy_id = null, is_admin = false, updated_at = clock_timestamp()
      where id = e.user_id and erased_at is null;
      e.sealed_at := clock_timestamp();
      step := 'sealed';
    else
      -- A transaction holds the lock on its own number as long as it lives, also before it writes anything.
      e.older_transactions := array(select l.virtualtransaction from pg_locks l
        join pg_stat_activity s on s.pid = l.pid and s.datname = current_database() and s.usesysid is not null
        where l.locktype = 'virtualxid' and l.granted and l.pid <> pg_backend_pid()
          and (e.older_transactions is null or l.virtualtransaction = any (e.older_transactions)));
      if e.older_transactions <> '{}' then
        step := 'waiting';
      else
        if e.chain_id is null then
          -- What those transactions brought in. Nobody is named to inherit now: orphans stay the nameless row's.
          select * into gone from public.erase_leave_workspaces(e.user_id, e.email, null);
          hidden := gone.hidden;
          shared := gone.shared;
          "memberIds" := gone.members || e.user_id;
          e.deleted_workspaces := e.deleted_workspaces + cardinality(hidden);
          e.left_workspaces := e.left_workspaces + cardinality(shared);
          perform public.erase_strip_person(e.user_id, e.email);
          update public.users set is_admin = false, disabled_at = coalesce(disabled_at, clock_timestamp())
          where id = e.user_id;
        end if;
        if public.erase_lock_heads(e.chain_id) then
          select * into last_look from public.erase_look(e, p_limit);
          erased := (select coalesce(jsonb_object_agg(k.key, coalesce(seen.erased -> k.key, '[]')
            || coalesce(last_look.erased -> k.key, '[]')), '{}')
            from jsonb_object_keys(seen.erased || last_look.erased) as k (key));
          step := case when last_look.looked >= p_limit then 'read' else 'done' end;
        else
          step := 'waiting';
        end if;
      end if;
    end if;
    e.erased_entries := e.erased_entries
      + (select count(*) from jsonb_each(erased) as c, jsonb_array_elements(c.value))::int;
    if step = 'done' then
      e.email := null;
      e.name := null;
      e.finished_at := clock_timestamp();
      delete from public.erasure_places where erasure_id = e.id;
      if e.chain_id is null then
        update public.users set erased_at = clock_timestamp() where id = e.user_id;
      end if;
    end if;
    update public.erasures x set email = e.email, name = e.name, sealed_at = e.sealed_at,
      older_transactions = e.older_transactions, erased_entries = e.erased_entries, finished_at = e.finished_at,
      deleted_workspaces = e.deleted_workspaces, left_workspaces = e.left_workspaces, failures = 0,
      due_at = clock_timestamp() + p_hold_ms * interval '1 millisecond'
    where x.id = e.id;
  end if;
  "userId" := e.user_id;
  "chainId" := e.chain_id;
  "askedBy" := e.asked_by;
  "movedItems" := e.moved_items;
  "deletedWorkspaces" := e.deleted_workspaces;
  "leftWorkspaces" := e.left_workspaces;
  "erasedEntries" := e.erased_entries;
  return next;
end $$;

-- At most 100, what has been due longest first; none of them names anybody.
create function erase_list_pending()
  returns table (id uuid, "userId" uuid, "chainId" uuid, "ageSeconds" double precision, failures int, due boolean)
  language sql stable security definer set search_path = pg_catalog, public as $$
  select e.id, e.user_id, e.chain_id, extract(epoch from clock_timestamp() - e.begun_at)::double precision,
    e.failures, e.due_at <= clock_timestamp()
  from public.erasures e where e.finished_at is null order by e.due_at limit 100
$$;

-- Put off, longer each time and never beyond five minutes.
create function erase_note_failure(p_erasure uuid) returns void
  language sql security definer set search_path = pg_catalog, public as $$
  update public.erasures set failures = failures + 1,
    due_at = clock_timestamp() + least(300, 2 ^ least(failures, 10)) * interval '1 second'
  where id = p_erasure and finished_at is null
$$;

do $$
declare fn record;
begin
  grant create on schema public to atelier_eraser;
  for fn in
    select p.oid::regprocedure as signature, caller from pg_proc p join (values
      ('erase_keeps_out', null), ('erase_strip_person', null), ('erase_heir', null), ('erase_is_alone', null),
      ('erase_leave_workspaces', null), ('erase_lock_pending', null), ('erase_look', null), ('erase_lock_heads', null),
      ('erase_member', 'atelier_api'), ('erase_begin_person', 'atelier_api'),
      ('erase_step', 'atelier_api, atelier_scheduler'), ('erase_list_pending', 'atelier_scheduler'),
      ('erase_note_failure', 'atelier_scheduler')) as made (name, caller)
      on made.name = p.proname and p.pronamespace = 'public'::regnamespace loop
    execute format('revoke execute on function %s from public', fn.signature);
    if fn.caller is not null then
      execute format('grant execute on function %s to %s', fn.signature, fn.caller);
    end if;
    execute format('alter function %s owner to atelier_eraser', fn.signature);
  end loop;
  revoke create on schema public from atelier_eraser;
end $$;
