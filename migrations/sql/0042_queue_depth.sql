-- Up Migration
-- How many executions of a workspace may be queued; null: what the instance says (MAX_QUEUED).
alter table workspaces add column max_queued int check (max_queued between 1 and 1000000);
grant update (max_queued) on workspaces to atelier_api;
