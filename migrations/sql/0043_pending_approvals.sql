-- Up Migration
-- What waits for people, by how long: the scheduler counts it every few seconds, and must not read what was decided.
create index approvals_oldest_idx on approvals (created_at) where status = 'pending';
