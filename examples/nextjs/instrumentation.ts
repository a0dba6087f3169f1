export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === 'nodejs') {
    const { orm } = await import('./lib/orm');

    // Connects and migrates before the first request. If that fails, do not: Next.js would answer 500 for good. Each
    // request tries again, and /api/health says 503 until one succeeds.
    await orm().catch(error => console.error('The database is not ready.', error));

    // `next start` handles these signals itself: it stops listening, lets requests and `after()` callbacks finish, and
    // exits. Meanwhile this closes the pool, as soon as nothing uses it any more. (So leave NEXT_MANUAL_SIG_HANDLE unset:
    // it would make all of that your own task.)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => void orm.close({ drain: 25_000 }).catch(console.error));
    }
  }
}
