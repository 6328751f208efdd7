-- Executions that are accepted together share a bell: one job of the queue for up to 16 of them. This is that job's id;
-- null for an execution that was rung alone. It counts for the first ring only: later ones are rung one by one.
alter table workflow_executions add column bell uuid;
