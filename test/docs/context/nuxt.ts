// What Nuxt imports by itself.
export declare function useFetch(url: string): Promise<{ error: { value?: { statusCode: number } } }>;
export declare function createError(error: { statusCode: number; fatal: boolean }): Error;
