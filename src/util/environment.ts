/** Whether reloads are out of the question. */
export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production';
}
