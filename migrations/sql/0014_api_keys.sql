-- Up Migration
-- API keys at work: what people recognise them by, the look-up before anybody is known, and their end with a workspace.
alter table api_keys add column hint text not null default '';
alter table api_keys add constraint api_keys_workspace_id_fkey
  foreign key (workspace_id) references workspaces (id) on delete cascade;
create index api_keys_workspace_id_idx on api_keys (workspace_id) where workspace_id is not null;

create policy identity_all on api_keys for all to atelier_identity using (true) with check (true);
grant select, update (last_used_at) on api_keys to atelier_identity;

-- Who a key belongs to; no row when it is unknown, expired or revoked, or its person is disabled. Its use is written
-- down at most once a minute: a busy key must not make a row version per request.
create function identity_use_api_key(p_hash bytea) returns table (id uuid, "userId" uuid)
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  return query select k.id, k.user_id from public.api_keys k join public.users u on u.id = k.user_id
    where k.key_hash = p_hash and k.revoked_at is null and u.disabled_at is null
      and (k.expires_at is null or k.expires_at > clock_timestamp());
  if found then
    update public.api_keys k set last_used_at = clock_timestamp()
    where k.key_hash = p_hash and (k.last_used_at is null or k.last_used_at < clock_timestamp() - interval '1 minute');
  end if;
end $$;

do $$
begin
  grant create on schema public to atelier_identity;
  revoke execute on function identity_use_api_key(bytea) from public;
  grant execute on function identity_use_api_key(bytea) to atelier_api;
  alter function identity_use_api_key(bytea) owner to atelier_identity;
  revoke create on schema public from atelier_identity;
end $$;
