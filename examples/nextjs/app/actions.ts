'use server';

import { mapOrmError } from 'mikro-orm-web';
import { revalidatePath } from 'next/cache';
import { redirect } from 'next/navigation';
import { Article, Tag, User } from '../lib/entities';
import { newTag, newUser } from '../lib/input';
import { orm, withEm } from '../lib/orm';
import { addSamples } from '../lib/samples';

/** What the form shows after a refused attempt: what was typed (never the password), and the message of each field. */
export type UserFormState = { values?: { fullName: string; email: string }; errors?: Record<string, string> };

export async function createUser(_previous: UserFormState, form: FormData): Promise<UserFormState> {
  const values = { fullName: String(form.get('fullName') ?? ''), email: String(form.get('email') ?? '') };
  const input = newUser.safeParse(Object.fromEntries(form));
  if (!input.success) return { values, errors: byField(input.error.issues) };
  try {
    await withEm(async em => {
      em.create(User, input.data);
      await em.flush();
    });
  } catch (error) {
    const problem = mapOrmError(error, { orm });
    if (!problem?.errors) throw error;
    return { values, errors: byField(problem.errors) };
  }
  revalidatePath('/', 'layout');
  redirect('/users');
}

export async function addTag(slug: string, form: FormData): Promise<void> {
  const { name } = newTag.parse(Object.fromEntries(form));
  await withEm(async em => {
    const article = await em.findOneOrFail(Article, { slug }, { populate: ['tags'] });
    article.tags.add((await em.findOne(Tag, { name })) ?? em.create(Tag, { name }));
    await em.flush();
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
