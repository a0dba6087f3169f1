'use server';

import { LockMode } from '@mikro-orm/core';
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
  const input = newTag.safeParse(Object.fromEntries(form));
  if (!input.success) return; // the form has the same limits
  await retryTransaction(orm, async em => {
    // of two that add the same tag at once, one creates it, and the lock lets one after the other add it
    const tag = await em.upsert(Tag, input.data, { onConflictAction: 'ignore' });
    const article = await em.findOneOrFail(Article, { slug }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    await article.tags.init();
    article.tags.add(tag);
  });
  revalidatePath('/articles', 'layout');
}

export async function addSampleData(): Promise<void> {
  await fieldErrors(() => withEm(addSamples)); // of two at once, one is refused as a whole: the other adds them
  revalidatePath('/', 'layout');
}

function byField(errors: { path: string | PropertyKey[]; message: string }[]): Record<string, string> {
  return Object.fromEntries(errors.map(({ path, message }) => [String(path), message]));
}
