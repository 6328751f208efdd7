// A collector for tests: takes OTLP over HTTP on loopback and reads the spans out of the protobuf.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export type ReceivedSpan = {
  service: string;
  traceId: string;
  spanId: string;
  /** "" at the root. */
  parentId: string;
  name: string;
  start: bigint;
  end: bigint;
  attributes: Record<string, string | number>;
};

export type OtlpReceiver = { url: string; spans: ReceivedSpan[]; bodies: Buffer[]; close(): Promise<void> };

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      if (request.url === "/v1/traces") {
        bodies.push(body);
        spans.push(...readRequest(body));
      }
      response.setHeader("content-type", "application/x-protobuf").end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type Field = { number: number; bytes: Buffer; value: bigint };

/** Fields of one message: what has a length as bytes, what has none as a number. */
function readFields(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const field: Field = { number: tag >> 3, bytes: Buffer.alloc(0), value: 0n };
    const wire = tag & 7;
    if (wire === 0) field.value = varint();
    else if (wire === 1) field.value = take(8).readBigUInt64LE();
    else if (wire === 2) field.bytes = take(Number(varint()));
    else take(4);
    fields.push(field);
  }
  return fields;
}

const all = (fields: Field[], number: number) =>
  fields.filter((field) => field.number === number).map((field) => field.bytes);
const one = (fields: Field[], number: number) => fields.find((field) => field.number === number);

function readRequest(body: Buffer): ReceivedSpan[] {
  return all(readFields(body), 1).flatMap((part) => {
    const resource = readFields(part);
    const about = readAttributes(all(readFields(one(resource, 1)?.bytes ?? Buffer.alloc(0)), 1));
    const spans = all(resource, 2).flatMap((scope) => all(readFields(scope), 2));
    return spans.map((span) => readSpan(span, String(about["service.name"])));
  });
}

function readSpan(message: Buffer, service: string): ReceivedSpan {
  const fields = readFields(message);
  const hex = (number: number) => one(fields, number)?.bytes.toString("hex") ?? "";
  return {
    service,
    traceId: hex(1),
    spanId: hex(2),
    parentId: hex(4),
    name: one(fields, 5)?.bytes.toString() ?? "",
    start: one(fields, 7)?.value ?? 0n,
    end: one(fields, 8)?.value ?? 0n,
    attributes: readAttributes(all(fields, 9)),
  };
}

function readAttributes(pairs: Buffer[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const fields = readFields(pair);
      const [value] = readFields(one(fields, 2)?.bytes ?? Buffer.alloc(0));
      const read = value?.number === 1 ? value.bytes.toString() : Number(value?.value ?? 0n);
      return [one(fields, 1)?.bytes.toString() ?? "", read];
    }),
  );
}
