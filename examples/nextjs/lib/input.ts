import { z } from 'zod';

// What comes from outside is checked here, before the ORM sees it. Forms and route handlers share these. Like those of
// mapOrmError, the messages continue a field's name: "Email is already taken".

export const newUser = z.object({
  fullName: z.string().trim().min(1, 'is required').max(100, 'is too long'),
  email: z.string().trim().toLowerCase().pipe(z.email('is not a valid address').max(200, 'is too long')),
  password: z.string().min(8, 'needs at least 8 characters').max(200, 'is too long'),
});

/** Unlike SQLite, PostgreSQL stores no NUL: no control characters. */
const tag = z
  .string()
  .trim()
  .toLowerCase()
  .max(30)
  .regex(/^\P{Cc}*$/u);
export const newTag = z.object({ name: tag.min(1) });

export const userId = z.object({ id: z.coerce.number().int().positive().max(2_147_483_647) });

/** Of a URL, as an object: repeated parameters keep their last value. */
export const userPage = z.object({
  after: z.string().optional(),
  before: z.string().optional(),
  size: z.coerce.number().int().min(1).max(100).optional(),
});

export const articleFilter = z.object({ tag: tag.optional() });
