-- Up Migration
-- Applied when what takes long on a big instance has ended, which stops nobody (migrations/migrate.ts): whom the executions
-- of before have behind them is found out, and the indexes are there.

-- Reads the table beside everybody's work.
alter table webhook_deliveries validate constraint webhook_deliveries_outcome_check;

-- As before 0056.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  if current_user = 'atelier_eraser' then
    if tg_table_name = 'workflow_versions' and tg_op = 'DELETE' then
      return old;
    elsif tg_table_name = 'audit_logs' and tg_op = 'UPDATE' then
      if new.details is null then
        return new;
      end if;
    elsif starts_with(tg_table_name, 'workflow_executions') and tg_op = 'UPDATE' then
      if new.payload_expired_at is not null and old.payload_expired_at is null and new.input is null
        and new.output is null and new.trigger = '{}' and new.status = old.status
        and new.finished_at is not distinct from old.finished_at
        and new.error ->> 'code' is not distinct from old.error ->> 'code' then
        return new;
      end if;
    elsif starts_with(tg_table_name, 'execution_steps') and tg_op = 'UPDATE' then
      if new.input is null and new.output is null and new.state is null and new.status = old.status
        and new.error ->> 'code' is not distinct from old.error ->> 'code' then
        return new;
      end if;
    end if;
  end if;
  raise exception '% rows of % cannot change: %', lower(tg_op), tg_table_name, tg_argv[0]
    using errcode = 'integrity_constraint_violation';
end $$;
