-- Up Migration
-- A credential is tested by a run of a workflow that nobody sees: archived from the start, one version, one request.
alter table credentials add column test_workflow_id uuid;
