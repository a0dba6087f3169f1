/** How long a body may wait for its first reader, in ms, before it counts as one that nobody reads. */
const UNREAD_LIMIT = 2_000;

/** Called once a body was collected before it was read to its end. What it holds must not lead to the body. */
const collected = new FinalizationRegistry((abandon: () => void) => abandon());

/**
 * Tells when a response was sent: a response with the same status, headers, `url` and body, and `end` is called once, when the
 * last byte was read, when the body failed, or when the reader cancelled it, as servers do for a client that left. A response
 * without a body has ended at once.
 *
 * A body may also turn out never to be read: a server drops it for HEAD, a middleware answers something else. Then `end` is
 * called when the body is garbage collected, and at the latest after 2 seconds without a reader. Nothing of the body is read
 * before somebody reads the response.
 *
 * @param response with a body that nobody reads yet; one that is read already has ended for this function
 * @param end is called once; must not hold the response
 * @returns the response to send in its place
 *
 * @example
 * ```ts
 * import { openEm, whenSent } from 'mikro-orm-web';
 * import { User } from './entities';
 * import { orm } from './orm';
 *
 * export async function exportUsers(): Promise<Response> {
 *   const { em, end } = await openEm(orm);
 *   async function* lines() {
 *     for await (const user of em.stream(User)) yield `${user.email}\n`;
 *   }
 *   const body = ReadableStream.from(lines()).pipeThrough(new TextEncoderStream());
 *   return whenSent(new Response(body), end); // close({ drain }) waits for the last line
 * }
 * ```
 */
export function whenSent(response: Response, end: () => void): Response {
  const { body, status, statusText, headers } = response;
  if (!body || body.locked || response.bodyUsed) {
    end();
    return response;
  }
  const sent = new Response(observe(body, end), { status, statusText, headers });
  // a response that was made, and not fetched, has none of these
  for (const name of ['url', 'redirected', 'type'] as const) {
    if (response[name] !== sent[name]) {
      Object.defineProperty(sent, name, { value: response[name], configurable: true });
    }
  }
  return sent;
}

/** The same chunks as they come, read on demand only. */
function observe(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  end: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const token = {};
  let hasEnded = false;
  const endOnce = (): void => {
    if (!hasEnded) {
      hasEnded = true;
      clearTimeout(timer);
      collected.unregister(token);
      end();
    }
  };
  const timer = setTimeout(endOnce, UNREAD_LIMIT);
  timer.unref();
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  const observed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        clearTimeout(timer);
        reader ??= body.getReader();
        try {
          const { done, value } = await reader.read();
          if (!done) {
            controller.enqueue(value);
            return;
          }
        } catch (error) {
          endOnce();
          throw error;
        }
        endOnce();
        controller.close();
      },
      cancel(reason) {
        endOnce();
        return reader ? reader.cancel(reason) : body.cancel(reason);
      },
    },
    // nothing ahead of the reader
    { highWaterMark: 0 },
  );
  const abandon = (): void => {
    endOnce();
    // gives back what its source has begun to use, such as the connection of a cursor
    (reader ?? body).cancel().catch(() => undefined);
  };
  collected.register(observed, abandon, token);
  return observed;
}
