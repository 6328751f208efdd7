-- Up Migration
-- A workspace may ask that every read of its executions and files is in its audit log, not only of labelled ones.
alter table workspaces add column audit_reads boolean not null default false;
grant update (audit_reads) on workspaces to atelier_api;

-- The labels that a graph's settings put on all data of its executions. A column, so that a submission does not unpack
-- the graph, which may be half a megabyte.
create function graph_labels(p_graph jsonb) returns text[]
  language sql immutable return array(
    select distinct label
    from jsonb_array_elements_text(case jsonb_typeof(p_graph #> '{settings,labels}')
      when 'array' then p_graph #> '{settings,labels}' else '[]' end) label
    where label in ('phi', 'privileged', 'pii', 'pci') order by label);
alter table workflow_versions add column labels text[] not null generated always as (graph_labels(graph)) stored;
