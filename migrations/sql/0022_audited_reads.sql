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
-- Not a generated column, which would write every version anew while nobody can submit: only those that have labels change.
alter table workflow_versions add column labels text[] not null default '{}';
create function label_version() returns trigger language plpgsql as $$
begin
  new.labels := public.graph_labels(new.graph);
  return new;
end $$;
create trigger workflow_versions_labels before insert on workflow_versions for each row execute function label_version();
alter table workflow_versions no force row level security;
alter table workflow_versions disable trigger workflow_versions_immutable;
update workflow_versions set labels = graph_labels(graph)
where graph #> '{settings,labels}' is not null and graph_labels(graph) <> '{}';
alter table workflow_versions enable trigger workflow_versions_immutable;
alter table workflow_versions force row level security;
