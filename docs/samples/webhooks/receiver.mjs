// A receiver of webhooks that believes only what the service signed. Node 18 or newer, no packages.
//
//     WEBHOOK_SECRET=… PORT=8000 node receiver.mjs
//
// Prints a line of JSON for each new event. Put it behind a server that speaks https.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_S = 300; // a message may be this old, or this far ahead of our clock
const REMEMBER_S = 4 * 86_400; // a message is tried again for three days, under the same id
const BODY_BYTES_MAX = 65_536;

const SECRET = process.env.WEBHOOK_SECRET;
if (!SECRET) throw new Error("WEBHOOK_SECRET is empty");

/** A secret that begins with whsec_ is the base64 of the key; any other is the key itself. */
function signingKey(secret) {
  const base64 = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(secret);
  return base64 ? Buffer.from(base64[1], "base64") : Buffer.from(secret, "utf8");
}

/** Whether two texts are the same, in a time that tells nothing about either. */
function equal(one, other) {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Whether `body`, the bytes as they came, was signed with our secret a short while ago. */
function genuine(headers, body, now) {
  const id = headers["webhook-id"] ?? "";
  const sentAt = headers["webhook-timestamp"] ?? "";
  if (!id || !/^[0-9]{1,12}$/.test(sentAt)) return false;
  const mac = createHmac("sha256", signingKey(SECRET)).update(`${id}.${sentAt}.`).update(body);
  const expected = `v1,${mac.digest("base64")}`;
  const given = (headers["webhook-signature"] ?? "").split(" ");
  if (!given.some((each) => equal(expected, each))) return false;
  return Math.abs(now - Number(sentAt)) <= TOLERANCE_S;
}

// The ids of the messages that were handled. Keep them in your database: these are lost with the process.
const done = new Map();

/** Call `handle` unless it was called for this message before. One that throws was not. */
function once(id, now, handle) {
  for (const [each, until] of done) if (until <= now) done.delete(each);
  if (done.has(id)) return;
  handle();
  done.set(id, now + REMEMBER_S);
}

/** Your own work goes here. Be quick, or queue it: the service waits 15 seconds for the answer. */
function handle(id, body) {
  const event = JSON.parse(body.toString("utf8"));
  console.log(JSON.stringify({ delivery: id, task: event.requestId ?? event.id, status: event.status }));
}

/** The status to answer with. */
function received(headers, body) {
  const now = Date.now() / 1000;
  if (!genuine(headers, body, now)) return 401;
  try {
    once(headers["webhook-id"], now, () => handle(headers["webhook-id"], body));
  } catch (error) {
    console.error(error);
    return 500; // the service will try again
  }
  return 204;
}

const server = createServer((request, response) => {
  const pieces = [];
  let size = 0;
  const answer = (status) => response.writeHead(status, { Connection: "close" }).end();
  if (request.method !== "POST") return answer(405);
  request.on("data", (piece) => {
    size += piece.length;
    if (size <= BODY_BYTES_MAX) pieces.push(piece);
    else if (!response.writableEnded) answer(413);
  });
  request.on("end", () => {
    if (!response.writableEnded) answer(received(request.headers, Buffer.concat(pieces)));
  });
});
server.requestTimeout = 15_000;
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => {
  console.log(JSON.stringify({ listening: server.address().port }));
});
