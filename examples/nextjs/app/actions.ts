'use server';

import { retryTransaction } from 'mikro-orm-web';
import { revalidatePath } from 'next/cache';
import { redirect } from 'next/navigation';
import { Article, Tag, User } from '../lib/entities';
import { fieldErrors } from '../lib/field-errors';
import { newTag, newUser } from '../lib/input';
import { orm, withEm } from '../lib/orm';
import { addSamples } from '../lib/samples';

/** What the form shows after a refused attempt: what was typed (never the password), and the message of each field. */
export type UserFormState = { values?: { fullName: string; email: string }; errors?: Record<string, string> };

export async function createUser(_previous: UserFormState, form: FormData): Promise<UserFormState> {
  const values = { fullName: String(form.get('fullName') ?? ''), email: String(form.get('email') ?? '') };
  const input = newUser.safeParse(Object.fromEntries(form));
  if (!input.success) return { values, errors: byField(input.error.issues) };
  const errors = await fieldErrors(() => retryTransaction(orm, async em => em.create(User, input.data)));
  if (errors) return { values, errors: byField(errors) };
  revalidatePath('/', 'layout');
  redirect('/users');
}

export async function addTag(slug: string, form: FormData): Promise<void> {
  const { name } = newTag.parse(Object.fromEntries(form));
  await retryTransaction(orm, async em => {
    const article = await em.findOneOrFail(Article, { slug }, { populate: ['tags'] });
    article.tags.add((await em.findOne(Tag, { name })) ?? em.create(Tag, { name }));
  });
  revalidatePath('/articles', 'layout');
}

export async function addSampleData(): Promise<void> {
  await withEm(addSamples);
  revalidatePath('/', 'layout');
}

function byField(errors: { path: string | PropertyKey[]; message: string }[]): Record<string, string> {
  return Object.fromEntries(errors.map(({ path, message }) => [String(path), message]));
}
