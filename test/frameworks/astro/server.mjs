process.env.ASTRO_NODE_AUTOSTART = 'disabled';
const { startServer } = await import('./dist/server/entry.mjs');
const { server } = startServer().server;
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close());
