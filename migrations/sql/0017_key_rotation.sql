-- Up Migration
-- Who re-wraps data keys under a new key-encryption key. It reads and writes the wrapped keys only: no ciphertext,
-- so holding its connection and the key-encryption keys opens no secret.
do $$
begin
  if not exists (select from pg_roles where rolname = 'atelier_rotator') then
    create role atelier_rotator nologin;
  end if;
  execute format('grant atelier_rotator to current_user %s', case
    when current_setting('server_version_num')::int >= 160000 then 'with inherit false, set true' else '' end);
end $$;
grant usage on schema public to atelier_rotator;

create policy rotator_rewraps on credentials for select to atelier_rotator using (true);
create policy rotator_rewraps_update on credentials for update to atelier_rotator using (true) with check (true);
grant select (id, workspace_id, type, key_id, wrapped_key), update (key_id, wrapped_key) on credentials
  to atelier_rotator;

create policy rotator_append on audit_logs for insert to atelier_rotator with check (true);
create policy rotator_heads on audit_heads for all to atelier_rotator using (true) with check (true);
grant insert on audit_logs to atelier_rotator;
grant select, insert, update on audit_heads to atelier_rotator;
grant select, insert on key_canaries to atelier_rotator;

create policy rotator_rewraps on users for select to atelier_rotator using (true);
create policy rotator_rewraps_update on users for update to atelier_rotator using (true) with check (true);
grant select (id, totp_key_id, totp_wrapped_key), update (totp_key_id, totp_wrapped_key) on users
  to atelier_rotator;
