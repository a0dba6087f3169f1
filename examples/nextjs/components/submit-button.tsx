'use client';

import type { ReactNode } from 'react';
import { useFormStatus } from 'react-dom';

/** A form's button, which cannot be pressed twice. */
export function SubmitButton({ children }: { children: ReactNode }) {
  const { pending } = useFormStatus();
  return (
    // not disabled, which would take the focus away
    <button type="submit" aria-disabled={pending} onClick={event => pending && event.preventDefault()}>
      {children}
    </button>
  );
}
