-- Up Migration
-- What firing must know without looking at everything: how long an input is as text, which is what a transaction carries of
-- it (as it is stored it may be a hundred times shorter), and which slots that wait rest with their paused schedule.
alter table schedules
  add column input_bytes int not null generated always as (octet_length(input::text)) stored;

-- Those whose turn may come are in schedule_fires_turn_idx (migrations/build-indexes.ts). What somebody asked for (a
-- backfill) does not rest.
alter table schedule_fires add column resting boolean not null default false;

create function rest_with_schedule() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  update public.schedule_fires set resting = not new.enabled
  where schedule_id = new.id and outcome = 'pending' and resting = new.enabled;
  return null;
end $$;
create trigger schedules_rest after update of enabled on schedules for each row
  when (old.enabled is distinct from new.enabled) execute function rest_with_schedule();

-- The deletion of a workspace switches its schedules off by the eraser's hand.
grant update (resting) on schedule_fires to atelier_eraser;

-- Slots that wait go with their schedule, whoever deletes it: an api of the release before relies on a foreign key.
create function end_pending_fires() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  delete from public.schedule_fires where schedule_id = old.id and outcome = 'pending';
  return old;
end $$;
create trigger schedules_pending_end before delete on schedules for each row execute function end_pending_fires();

-- The owner of the tables sees no rows otherwise.
alter table schedules no force row level security;
alter table schedule_fires no force row level security;
update schedule_fires f set resting = true from schedules s
where s.id = f.schedule_id and not s.enabled and f.outcome = 'pending';
alter table schedules force row level security;
alter table schedule_fires force row level security;
