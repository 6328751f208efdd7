-- Up Migration
-- A webhook or schedule ends in one row, however long its history is: the history is swept by its own age. With a foreign
-- key the deletion held the row for its whole cascade, and what other deliveries the same commit carried waited for it.
alter table webhook_deliveries drop constraint webhook_deliveries_webhook_id_fkey;
alter table schedule_fires drop constraint schedule_fires_schedule_id_fkey;
alter table schedule_skips drop constraint schedule_skips_schedule_id_fkey;

alter table webhook_deliveries
  -- SHA-256 of what came under an id that its sender does not sign: other content under the same id is refused. null:
  -- the id, or the signature that stands for it, covers the body.
  add column content bytea,
  -- repeated: came before under the same id, and is kept for the new signature it came with, which is spent by it.
  -- Not valid until 0059: nothing reads a whole table under the lock that this takes.
  drop constraint webhook_deliveries_outcome_check,
  add constraint webhook_deliveries_outcome_check check (outcome in ('accepted', 'repeated', 'refused')) not valid;
