-- Up Migration
-- Everybody who has changed what a schedule or a webhook starts, when, or who may call it, and whose it was before; its owner
-- is none of them. What it starts runs in its owner's name and at their wish: an approval that is kept from its requester is
-- kept from all of them. Nobody leaves it again: else one change after another would wash off who made the first.
alter table schedules add column editors uuid[] not null default '{}';
alter table webhooks add column editors uuid[] not null default '{}';

-- Here and not where it is asked for, so that the api of the release before remembers too. Who is nobody (a scheduler, the
-- rotation of keys) changes nothing of what is started. A hundred are refused another rather than one forgotten.
create function remember_editor() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
  editor uuid := public.app_user_id();
begin
  new.editors := old.editors;
  if editor is null or editor = new.owner_id or editor = any (new.editors) then
    return new;
  end if;
  if cardinality(new.editors) >= 100 then
    raise exception 'too many editors' using errcode = 'ZA005';
  end if;
  new.editors := new.editors || editor;
  return new;
end $$;

create function remember_former_owner() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  new.editors := array_remove(new.editors, old.owner_id) || old.owner_id;
  return new;
end $$;

-- Whoever gives it another name or only pauses it does not answer for what it starts.
create trigger schedules_editor before update of workflow_id, cron, run_at, timezone, start_at, end_at, trigger_node,
  misfire, overlap, enabled, tolerance_ms, max_lateness_ms, input on schedules for each row
  when ((old.workflow_id, old.cron, old.run_at, old.timezone, old.start_at, old.end_at, old.trigger_node, old.misfire,
      old.overlap, old.tolerance_ms, old.max_lateness_ms, old.input)
    is distinct from (new.workflow_id, new.cron, new.run_at, new.timezone, new.start_at, new.end_at, new.trigger_node,
      new.misfire, new.overlap, new.tolerance_ms, new.max_lateness_ms, new.input)
    or new.enabled and not old.enabled)
  execute function remember_editor();
create trigger webhooks_editor before update of workflow_id, trigger_node, enabled, secret on webhooks for each row
  when ((old.workflow_id, old.trigger_node, old.secret) is distinct from (new.workflow_id, new.trigger_node, new.secret)
    or new.enabled and not old.enabled)
  execute function remember_editor();
create trigger schedules_former_owner before update of owner_id on schedules for each row
  when (old.owner_id <> new.owner_id) execute function remember_former_owner();
create trigger webhooks_former_owner before update of owner_id on webhooks for each row
  when (old.owner_id <> new.owner_id) execute function remember_former_owner();

-- Who did so before, as the audit log names them: an index look-up for each schedule and webhook, and no lock that anybody
-- waits for but those who fire or change them. What does not say whether it was only a name or a pause counts. By roles
-- that see every row: without that, the owner of the tables would have to take the log from everybody meanwhile.
do $$
declare
  table_owner text := current_user;
begin
  grant update (editors) on schedules, webhooks to atelier_eraser;
  set local role atelier_eraser;
  with known as materialized (
    select s.id, array(
      select a.actor_id from audit_logs a
      where a.chain_id = s.workspace_id and a.target_id = s.id::text and a.actor_id <> s.owner_id
        and a.action in ('schedule.created', 'schedule.updated')
        and (a.details -> 'fields' <@ '["name"]'
          or a.details -> 'fields' <@ '["name", "enabled"]' and a.details -> 'enabled' = 'false') is not true
      group by a.actor_id order by max(a.seq)) as people
    from schedules s
  )
  update schedules s set editors = k.people from known k where k.id = s.id and k.people <> '{}';
  with known as materialized (
    select h.id, array(
      select a.actor_id from audit_logs a
      where a.chain_id = h.workspace_id and a.target_id = h.id::text and a.actor_id <> h.owner_id
        and a.action in ('webhook.created', 'webhook.updated', 'webhook.rotated')
      group by a.actor_id order by max(a.seq)) as people
    from webhooks h
  )
  update webhooks h set editors = k.people from known k where k.id = h.id and k.people <> '{}';
  execute format('set local role %I', table_owner);
  revoke update (editors) on schedules, webhooks from atelier_eraser;

  -- Archiving gives up slots that wait for their turn; before, those of schedules that were paused waited for ever.
  set local role atelier_scheduler;
  update schedule_fires f set outcome = 'skipped', reason = 'workflow_archived', fired_at = clock_timestamp()
  from schedules s join workflows w on w.id = s.workflow_id
  where f.schedule_id = s.id and f.outcome = 'pending' and w.archived_at is not null;
  execute format('set local role %I', table_owner);
end $$;
