-- Up Migration
-- What firing must know without looking at everything: how long an input is as text, which is what a transaction carries of
-- it (as it is stored it may be a hundred times shorter), and which slots that wait rest with their paused schedule.
alter table schedules
  add column input_bytes int not null generated always as (octet_length(input::text)) stored;

alter table schedule_fires add column resting boolean not null default false;
-- Those whose turn may come. What somebody asked for (a backfill) does not rest.
create index schedule_fires_turn_idx on schedule_fires (schedule_id, scheduled_for)
  where outcome = 'pending' and not (resting and kind = 'slot');

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

-- The owner of the tables sees no rows otherwise.
alter table schedules no force row level security;
alter table schedule_fires no force row level security;
update schedule_fires f set resting = true from schedules s
where s.id = f.schedule_id and not s.enabled and f.outcome = 'pending';
alter table schedules force row level security;
alter table schedule_fires force row level security;
