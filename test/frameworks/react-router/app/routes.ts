import { route, type RouteConfig } from '@react-router/dev/routes';

export default [
  route('health', 'routes/health.ts'),
  route('api/:work', 'routes/api.ts'),
  route('stream', 'routes/stream.ts'),
  route('page', 'routes/page.tsx'),
  route('page/:work', 'routes/failing.tsx'),
] satisfies RouteConfig;
