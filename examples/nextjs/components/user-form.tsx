'use client';

import Link from 'next/link';
import { useActionState, useState, type ComponentProps } from 'react';
import { createUser } from '../app/actions';
import { SubmitButton } from './submit-button';

export function UserForm() {
  const [{ values, errors }, action] = useActionState(createUser, {});
  const [password, setPassword] = useState(''); // stays in the browser: the server does not send it back
  return (
    <form className="card fields" action={action} noValidate>
      <Field
        label="Name"
        name="fullName"
        autoComplete="name"
        defaultValue={values?.fullName}
        error={errors?.fullName}
      />
      <Field
        label="Email"
        name="email"
        type="email"
        autoComplete="email"
        defaultValue={values?.email}
        error={errors?.email}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        value={password}
        onChange={event => setPassword(event.target.value)}
        hint="At least 8 characters."
        error={errors?.password}
      />
      <div className="actions">
        <SubmitButton>Add user</SubmitButton>
        <Link href="/users">Cancel</Link>
      </div>
    </form>
  );
}

type FieldProps = ComponentProps<'input'> & {
  label: string;
  name: string;
  hint?: string;
  error?: string | undefined;
};

function Field({ label, hint, error, ...input }: FieldProps) {
  const note = `${input.name}-note`;
  return (
    <div className="field">
      <label htmlFor={input.name}>{label}</label>
      <input
        id={input.name}
        required
        aria-invalid={error ? true : undefined}
        aria-describedby={error || hint ? note : undefined}
        {...input}
      />
      {error ? (
        <p id={note} className="error" role="alert">
          {label} {error}
        </p>
      ) : (
        hint && (
          <p id={note} className="muted">
            {hint}
          </p>
        )
      )}
    </div>
  );
}
