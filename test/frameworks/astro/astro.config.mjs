import node from '@astrojs/node';
import { defineConfig } from 'astro/config';

/** Astro minifies no server code by itself. */
const minify = {
  name: 'minify-server',
  enforce: 'post',
  configEnvironment: () => ({ build: { minify: process.env['MINIFY'] === '1' } }),
};

export default defineConfig({
  output: 'server',
  adapter: node({ mode: 'standalone' }),
  devToolbar: { enabled: false },
  vite: { plugins: [minify] },
});
