-- Up Migration
-- Cancels that recovery passes on are taken by workspaces in turn: one of a hundred thousand descendants holds up no other's.

-- The workspace. null: noted before this migration, or the execution is gone; they share one turn.
alter table pending_moves add column turn_of uuid;
create index pending_moves_cancels_idx on pending_moves (turn_of, id) where move = 'cancel';

-- Whoever notes a move: functions, journals, processes of before this migration.
create function set_turn() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  new.turn_of := (select e.workspace_id from public.workflow_executions e where e.id = new.execution_id);
  return new;
end $$;
create trigger pending_moves_turn before insert on pending_moves for each row execute function set_turn();
