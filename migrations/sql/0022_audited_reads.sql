-- Up Migration
-- A workspace may ask that every read of its executions and files is in its audit log, not only of labelled ones.
alter table workspaces add column audit_reads boolean not null default false;
grant update (audit_reads) on workspaces to atelier_api;
