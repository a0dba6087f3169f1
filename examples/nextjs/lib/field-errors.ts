import { mapOrmError } from 'mikro-orm-web';
import { orm, type FieldError } from './orm';

/** For forms: runs `work`, and returns what is wrong with which field, if that is why it failed. */
export async function fieldErrors(work: () => Promise<unknown>): Promise<FieldError[] | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const errors = mapOrmError(error, { orm })?.errors;
    if (!errors) throw error;
    return errors;
  }
}
