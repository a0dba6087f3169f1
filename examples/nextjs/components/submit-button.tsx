'use client';

import type { ReactNode } from 'react';
import { useFormStatus } from 'react-dom';

/** A form's button, which cannot be pressed twice. */
export function SubmitButton({ children }: { children: ReactNode }) {
  const { pending } = useFormStatus();
  return (
    <button type="submit" disabled={pending}>
      {children}
    </button>
  );
}
