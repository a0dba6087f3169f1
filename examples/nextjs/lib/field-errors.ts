import { mapOrmError } from 'mikro-orm-web';
import { logProblem, orm, type FieldError } from './orm';

/** For forms: runs `work`, and returns what is wrong with which field, if that is why it failed. */
export async function fieldErrors(work: () => Promise<unknown>): Promise<FieldError[] | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const problem = mapOrmError(error, { orm });
    if (!problem) throw error;
    if (problem.errors) return problem.errors;
    // Next.js logs what an action throws, and the database's own error may hold the values of the form
    logProblem(problem, error);
    throw new Error(problem.title);
  }
}
