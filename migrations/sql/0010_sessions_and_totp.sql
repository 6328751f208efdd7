-- Up Migration
-- A second factor is sealed like every secret: totp_key_id, totp_wrapped_key, and the ciphertext in totp_secret.
-- totp_last_step is the 30-second step of the last code that was accepted: no code is good twice.
alter table users add column totp_wrapped_key bytea, add column totp_last_step bigint;
grant update (totp_wrapped_key, totp_last_step) on users to atelier_api;

-- The one open way of a person to a new password, hashed; a row that is gone was used, replaced or made void.
create table reset_tokens (
  user_id uuid primary key references users (id) on delete cascade,
  token_hash bytea not null unique,
  created_by uuid references users (id) on delete set null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
alter table reset_tokens enable row level security, force row level security;

-- Administrators make them, their people use them up.
create policy api_reset on reset_tokens for all to atelier_api
  using (user_id = (select app_user_id())
    or exists (select from users a where a.id = (select app_user_id()) and a.is_admin))
  with check (exists (select from users a where a.id = (select app_user_id()) and a.is_admin));
create policy identity_all on reset_tokens for all to atelier_identity using (true) with check (true);
grant select, insert, update, delete on reset_tokens to atelier_api;
grant select on reset_tokens to atelier_identity;

-- Whose open token this is; no row for one that is unknown, expired, or of a disabled person.
create function identity_find_reset(p_hash bytea)
  returns table ("userId" uuid, email text)
  language sql stable security definer set search_path = pg_catalog, public as $$
  select u.id, u.email from public.reset_tokens t join public.users u on u.id = t.user_id
  where t.token_hash = p_hash and t.expires_at > clock_timestamp() and u.disabled_at is null
$$;

-- Says since when the password is what it is: a session must not start from one that was checked and then changed.
drop function identity_find_login(text);
create function identity_find_login(p_email text)
  returns table (id uuid, email text, name text, "isAdmin" boolean, "passwordHash" text, "passwordSince" text,
    disabled boolean)
  language sql stable security definer set search_path = pg_catalog, public as $$
  select u.id, u.email, u.name, u.is_admin, u.password_hash, extract(epoch from u.password_changed_at)::text,
    u.disabled_at is not null
  from public.users u where lower(u.email) = lower(p_email)
$$;

do $$
declare fn regprocedure;
begin
  grant create on schema public to atelier_identity;
  foreach fn in array array['identity_find_login(text)', 'identity_find_reset(bytea)']::regprocedure[] loop
    execute format('revoke execute on function %s from public', fn);
    execute format('grant execute on function %s to atelier_api', fn);
    execute format('alter function %s owner to atelier_identity', fn);
  end loop;
  revoke create on schema public from atelier_identity;
end $$;
