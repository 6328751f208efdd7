-- Up Migration
-- Executions that wait for a time: found by what is due, whatever the number of those that wait.
create index workflow_executions_waiting_idx on workflow_executions (available_at) where status = 'waiting';
