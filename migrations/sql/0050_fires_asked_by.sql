-- Up Migration
-- Who asked for a fire by hand, or for the slots of a backfill: the run acts as the schedule's owner, but a person who had it
-- started may not approve what an approval keeps from its requester. null: the clock.
alter table schedule_fires add column asked_by uuid;
