// Why an execution without its payload is not run again.
import { AppError } from "../../domain/app-error.ts";

/** Throws `payload_expired`: it would start from an empty input and send effects again that its journal knew of. */
export function refuseExpired(payloadExpiredAt: string | null): void {
  if (payloadExpiredAt === null) return;
  throw new AppError("payload_expired", "What this execution held has expired: start a new one", {
    details: { payloadExpiredAt },
  });
}
