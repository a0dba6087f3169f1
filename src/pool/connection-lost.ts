/** The error of a connection on which no answer has come, in the words of a driver: MikroORM converts it like one of those. */
export function connectionLost(): Error {
  return Object.assign(new Error('The connection to the database was lost: no answer has come'), {
    code: 'ETIMEDOUT',
    fatal: true,
  });
}

/** Whether an attempt to connect failed in silence. A refusal, by the machine or by the server, is an answer. */
export function isSilence(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (
    ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'].includes(String(code)) ||
    /^(?:timeout expired|Connection terminated due to connection timeout)$/.test(String(message))
  );
}

/** Whether a connection could not be had for a reason of the network's or the server's, and not of a hook of the app's. */
export function isUnreachable(error: unknown): boolean {
  const { code, fatal, severity } = error as { code?: unknown; fatal?: unknown; severity?: unknown };
  return isSilence(error) || fatal === true || severity === 'FATAL' || /^E[A-Z_]+$/.test(String(code));
}
