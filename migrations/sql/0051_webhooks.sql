-- Up Migration
-- What a webhook needs to verify what it is sent, to change its secret without a gap, and to run each delivery once.
alter table webhooks
  add column name text not null default '',
  -- null: the version's only trigger.webhook, else its default trigger.
  add column trigger_node text,
  add column style text not null default 'generic'
    check (style in ('generic', 'github', 'stripe', 'shopify', 'slack')),
  -- Where a generic sender puts the seconds since 1970 that it signs with the body; null: it signs the body alone.
  add column timestamp_header text,
  add column enabled boolean not null default true,
  add column updated_at timestamptz not null default now(),
  add column secret_wrapped_key bytea,
  add column previous_secret_wrapped_key bytea;

alter table webhook_deliveries
  add column id uuid not null default gen_random_uuid(),
  add column outcome text not null default 'accepted' check (outcome in ('accepted', 'refused')),
  -- Why it was refused; refusals for one reason within an hour are one row.
  add column reason text,
  add column times int not null default 1 check (times > 0),
  -- SHA-256 of a signature that covers a time: it is good for one delivery, whatever id comes beside it.
  add column signature bytea;
create index webhook_deliveries_list_idx on webhook_deliveries (webhook_id, id desc);
create unique index webhook_deliveries_signature_idx on webhook_deliveries (webhook_id, signature)
  where signature is not null;

create policy identity_all on webhooks for select to atelier_identity using (true);
create policy identity_all on workflows for select to atelier_identity using (true);
grant select on webhooks to atelier_identity;
grant select (id, workspace_id, archived_at) on workflows to atelier_identity;

-- The hook behind a token; no row for one that is unknown, and once its workflow is archived or its workspace deleted.
create function identity_find_webhook(p_hash bytea)
  returns table (id uuid, "workspaceId" uuid, "workflowId" uuid, "ownerId" uuid, enabled boolean, trigger text,
    type text, style text, header text, "timestampHeader" text,
    "keyId" text, "wrappedKey" bytea, ciphertext bytea,
    "previousKeyId" text, "previousWrappedKey" bytea, "previousCiphertext" bytea)
  language sql stable security definer set search_path = pg_catalog, public as $$
  select h.id, h.workspace_id, h.workflow_id, h.owner_id, h.enabled, h.trigger_node,
    h.verify_type, h.style, h.verify_header, h.timestamp_header,
    h.secret_key_id, h.secret_wrapped_key, h.secret,
    p.previous_secret_key_id, p.previous_secret_wrapped_key, p.previous_secret
  from public.webhooks h
  join public.workflows f on f.id = h.workflow_id and f.archived_at is null
  join public.workspaces w on w.id = h.workspace_id and w.deleted_at is null
  left join public.webhooks p on p.id = h.id and p.previous_secret_until > clock_timestamp()
  where h.token_hash = p_hash
$$;
do $$
begin
  grant create on schema public to atelier_identity;
  revoke execute on function identity_find_webhook(bytea) from public;
  grant execute on function identity_find_webhook(bytea) to atelier_api;
  alter function identity_find_webhook(bytea) owner to atelier_identity;
  revoke create on schema public from atelier_identity;
end $$;

create policy rotator_rewraps on webhooks for select to atelier_rotator using (true);
create policy rotator_rewraps_update on webhooks for update to atelier_rotator using (true) with check (true);
grant select (id, workspace_id, secret_key_id, secret_wrapped_key, previous_secret_key_id, previous_secret_wrapped_key),
  update (secret_key_id, secret_wrapped_key, previous_secret_key_id, previous_secret_wrapped_key) on webhooks
  to atelier_rotator;
