// A mail server that takes everything, or refuses everybody, and remembers what came.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export type SmtpServer = {
  url: string;
  /** Whole messages as they came over the wire, with the recipients of their envelopes. */
  messages: readonly { recipients: string[]; text: string }[];
  /** Resolves with the first message to `recipient`, now or when it comes. */
  waitFor(recipient: string): Promise<string>;
  close(): Promise<void>;
};

export type SmtpOptions = {
  /** Answers every recipient with 550 and the address. */
  refuses?: boolean;
};

export async function startSmtpServer({ refuses = false }: SmtpOptions = {}): Promise<SmtpServer> {
  const messages: { recipients: string[]; text: string }[] = [];
  const waiting = new Set<() => void>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    converse(socket, refuses, (message) => {
      messages.push(message);
      for (const look of waiting) look();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    messages,
    waitFor: (recipient) =>
      new Promise((resolve) => {
        const look = () => {
          const found = messages.find(({ recipients }) => recipients.includes(recipient));
          if (!found) return;
          waiting.delete(look);
          resolve(found.text);
        };
        waiting.add(look);
        look();
      }),
    async close() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}

function converse(
  socket: Socket,
  refuses: boolean,
  onMessage: (message: { recipients: string[]; text: string }) => void,
): void {
  let received = "";
  let recipients: string[] = [];
  let isData = false;
  const say = (line: string) => socket.write(`${line}\r\n`);
  const obey = (line: string) => {
    const recipient = /^RCPT TO:<(.*)>/i.exec(line)?.[1];
    if (recipient !== undefined) {
      if (refuses) return say(`550 5.1.1 ${recipient} is unknown here`);
      recipients.push(recipient);
    }
    isData = /^DATA/i.test(line);
    if (/^QUIT/i.test(line)) return void socket.end("221 bye\r\n");
    return say(isData ? "354 go on" : "250 ok");
  };
  say("220 test");
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    received += chunk;
    for (;;) {
      const end = isData ? "\r\n.\r\n" : "\r\n";
      const at = received.indexOf(end);
      if (at < 0) return;
      const part = received.slice(0, at);
      received = received.slice(at + end.length);
      if (!isData) {
        obey(part);
        continue;
      }
      isData = false;
      onMessage({ recipients, text: part });
      recipients = [];
      say("250 taken");
    }
  });
}
