/** Standard Schema, as zod and others implement it. */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Checked<Output> | Promise<Checked<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}
type Checked<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type TypesOf<S> = S extends Schema ? NonNullable<S['~standard']['types']> : never;
export type Input<S> = TypesOf<S>['input'];
export type Output<S> = TypesOf<S>['output'];

export type FieldErrors = { path: string; message: string }[];

/** The value as the schema makes it, or what is wrong with it. */
export async function check(schema: Schema, given: unknown): Promise<{ value: unknown } | { errors: FieldErrors }> {
  const checked = await schema['~standard'].validate(given);
  if (!checked.issues) return { value: checked.value };
  const errors = checked.issues.map(({ message, path = [] }) => ({
    message,
    path: path.map(step => String(typeof step === 'object' ? step.key : step)).join('.'),
  }));
  return { errors };
}

/** For the OpenAPI document, where the schema's library can tell. */
export function jsonSchema(schema: Schema): unknown {
  return 'toJSONSchema' in schema && typeof schema.toJSONSchema === 'function' ? schema.toJSONSchema() : {};
}
