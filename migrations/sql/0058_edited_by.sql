-- Up Migration
-- Who has changed last what a schedule or a webhook starts, when, or who may call it; null: nobody but its owner. What it
-- starts runs in its owner's name and at that person's wish: an approval that is kept from its requester is kept from both.
alter table schedules add column edited_by uuid;
alter table webhooks add column edited_by uuid;

-- Archiving gives up slots that wait for their turn; before, those of schedules that were paused waited for ever.
alter table schedule_fires no force row level security;
alter table schedules no force row level security;
alter table workflows no force row level security;
update schedule_fires f set outcome = 'skipped', reason = 'workflow_archived', fired_at = clock_timestamp()
from schedules s join workflows w on w.id = s.workflow_id
where f.schedule_id = s.id and f.outcome = 'pending' and w.archived_at is not null;
alter table schedule_fires force row level security;
alter table schedules force row level security;
alter table workflows force row level security;
