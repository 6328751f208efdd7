-- Up Migration
-- When a session last proved who speaks, and administrators who see and end other people's API keys.

-- Null: at its start. Null for the sessions there are: an update here would be that of the owner, who sees no row.
alter table sessions add column proven_at timestamptz;

create policy admin_revokes on api_keys for update to atelier_admin using (true) with check (true);
grant update (revoked_at) on api_keys to atelier_admin;

-- As their person sees them; p_key: one of them. No rows for whoever is no admin. The hash stays out of it.
create function admin_list_api_keys(p_user uuid, p_key uuid, p_before uuid, p_limit int)
  returns table (id uuid, name text, hint text, scopes text[], "workspaceId" uuid, "createdAt" timestamptz,
    "expiresAt" timestamptz, "lastUsedAt" timestamptz, "revokedAt" timestamptz)
  language sql stable security definer set search_path = pg_catalog, public as $$
  select k.id, k.name, k.hint, k.scopes, k.workspace_id, k.created_at, k.expires_at, k.last_used_at, k.revoked_at
  from public.api_keys k
  where public.admin_is_current() and k.user_id = p_user and (p_key is null or k.id = p_key)
    and (p_before is null or k.id < p_before)
    and coalesce(least(k.revoked_at, k.expires_at), 'infinity') > clock_timestamp() - interval '30 days'
  order by k.id desc limit p_limit
$$;

-- The ids of those that worked until now; p_key null: all of the person's.
create function admin_revoke_api_keys(p_user uuid, p_key uuid) returns setof uuid
  language sql security definer set search_path = pg_catalog, public as $$
  update public.api_keys set revoked_at = clock_timestamp()
  where user_id = p_user and (p_key is null or id = p_key) and revoked_at is null
    and (expires_at is null or expires_at > clock_timestamp()) and public.admin_is_current()
  returning id
$$;

do $$
declare signature text;
begin
  grant create on schema public to atelier_admin;
  foreach signature in array array['admin_list_api_keys(uuid, uuid, uuid, int)', 'admin_revoke_api_keys(uuid, uuid)'] loop
    execute format('revoke execute on function %s from public', signature);
    execute format('grant execute on function %s to atelier_api', signature);
    execute format('alter function %s owner to atelier_admin', signature);
  end loop;
  revoke create on schema public from atelier_admin;
end $$;
