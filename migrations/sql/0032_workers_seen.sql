-- What a worker says of itself with each beat, so that people see its load without reading anybody's executions.
alter table workers add column running int not null default 0 check (running >= 0);

-- The W3C traceparent of the submission, where traces are on; null costs nothing.
alter table workflow_executions add column trace_parent text;
