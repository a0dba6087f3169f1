import type { Finding } from './report.js';

/** A finding that breaks something. */
export const error = (id: Finding['id'], message: string, fix: string, evidence?: string[]): Finding => ({
  id,
  severity: 'error',
  message,
  ...(evidence ? { evidence } : {}),
  fix,
});

/** A finding that may break something, or does so elsewhere. */
export const warning = (...args: Parameters<typeof error>): Finding => ({ ...error(...args), severity: 'warning' });
