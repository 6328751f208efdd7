// The settings of the embedded server, for a machine with 2 cores that also runs the platform.

/** Given on the command line, so that a newer Atelier changes them without editing files in the data directory. */
export function serverSettings(fast: boolean): string[] {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    // Loopback only: a socket path longer than 107 bytes would stop the server from starting.
    unix_socket_directories: "",
    max_connections: "200",
    shared_buffers: "192MB",
    effective_cache_size: "1GB",
    work_mem: "8MB",
    maintenance_work_mem: "128MB",
    // Short statements at a high rate: parallel plans would only add process starts and need /dev/shm.
    max_parallel_workers_per_gather: "0",
    random_page_cost: "1.1",
    min_wal_size: "256MB",
    max_wal_size: "2GB",
    checkpoint_timeout: "15min",
    checkpoint_completion_target: "0.9",
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    // Statements and row values may be secret; the error itself is enough.
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_checkpoints: "off",
    // Notices a dead client at once, so that its locks and its claims do not outlive it.
    tcp_keepalives_idle: "30",
    client_connection_check_interval: "5s",
  };
  // A crash of the whole machine may lose a test database, never a real one. Its clock is on another zone's time, as that of
  // an operator's own server may be.
  const risky = {
    timezone: "America/New_York",
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    shared_buffers: "128MB",
    // Its files may lie in memory.
    max_wal_size: "512MB",
  };
  return Object.entries(fast ? { ...settings, ...risky } : settings).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
}
