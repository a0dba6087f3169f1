import { z } from 'zod';

// What comes in is checked before the ORM sees it, what goes out before a client does; both make the OpenAPI document.

/** A Date in the code, a string in JSON and in the OpenAPI document. */
const timestamp = z
  .date()
  .transform(date => date.toISOString())
  .pipe(z.iso.datetime());

export const id = z.object({ id: z.uuid() });
export const sku = z.object({ sku: z.string().min(1).max(50) });

export const newUser = z.object({ email: z.email().max(200), name: z.string().min(1).max(100).optional() });
export const user = z.object({ id: z.uuid(), email: z.string(), name: z.string().nullish(), createdAt: timestamp });

/** `after`: the `endCursor` of the page before. */
export const page = z.object({
  after: z.string().optional(),
  size: z.coerce.number().int().min(1).max(100).default(20),
});
export const userPage = z.object({
  items: z.array(user),
  totalCount: z.int(),
  endCursor: z.string().nullable(),
  hasNextPage: z.boolean(),
});

const count = z.int().max(2_147_483_647);
export const stock = z.object({ stock: count.min(0) });
export const inventory = z.object({ sku: z.string(), stock: z.int() });

export const newOrder = z.object({ ...sku.shape, qty: count.min(1) });
export const order = z.object({ id: z.uuid(), item: z.string(), qty: z.int(), createdAt: timestamp });

export const health = z.object({ ok: z.boolean(), database: z.boolean(), migrations: z.boolean() });

/** RFC 9457: what `ormHooks` and the framework answer with. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** What the framework answers to a request that its schemas refuse. */
export const refused = { description: 'Not what the schema of the request asks for', body: problem };
