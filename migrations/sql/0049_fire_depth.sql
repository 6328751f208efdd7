-- Up Migration
-- A scheduler that fires keeps to the depth that a workspace's owner has said for its queue.
grant select (max_queued) on workspaces to atelier_scheduler;
