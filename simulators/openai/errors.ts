/** OpenAI's HTTP errors (contracts/openai.md 6). */

/** An HTTP error answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly param: string | null = null,
    readonly type = 'invalid_request_error',
  ) {
    super(message);
  }

  get body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } };
  }
}

/** Codes of 429 that mean billing: not to be retried. */
const BILLING = [
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
];

/** The error that OpenAI sends for a status; OpenAI has no 402: no credit is a 429 with a code of its own. */
export function errorFor(status: number, code?: string): ApiError {
  if (status === 402 || (code !== undefined && BILLING.includes(code))) {
    const message = 'You exceeded your current quota, please check your plan and billing details.';
    return new ApiError(429, message, code ?? 'insufficient_quota', null, 'insufficient_quota');
  }
  switch (status) {
    case 401:
      return new ApiError(401, 'Incorrect API key provided.', code ?? 'invalid_api_key');
    case 403:
      return new ApiError(403, 'You do not have access to this resource.', code ?? null);
    case 400:
      if (code !== 'context_length_exceeded') break;
      return new ApiError(400, "Your input exceeds this model's context window.", code, 'input');
    case 404:
      return new ApiError(404, 'The model does not exist or you do not have access to it.', code ?? 'model_not_found');
    case 429:
      return new ApiError(429, 'Rate limit reached for requests', code ?? 'rate_limit_exceeded', null, 'requests');
    case 503:
      return new ApiError(
        503,
        'The engine is currently overloaded, please try again later',
        code ?? null,
        null,
        'server_error',
      );
  }
  if (status < 500) return new ApiError(status, 'The request is not valid.', code ?? null);
  const message = 'The server had an error while processing your request.';
  return new ApiError(status, message, code ?? null, null, 'server_error');
}

export function invalidValue(param: string, why: string): ApiError {
  return new ApiError(400, `Invalid value for '${param}': ${why}.`, 'invalid_value', param);
}

export function invalidType(param: string, wanted: string): ApiError {
  return new ApiError(400, `Invalid type for '${param}': expected ${wanted}.`, 'invalid_type', param);
}

export function missing(param: string): ApiError {
  return new ApiError(400, `Missing required parameter: '${param}'.`, 'missing_required_parameter', param);
}

export function unknownParameter(param: string): ApiError {
  return new ApiError(400, `Unknown parameter: '${param}'.`, 'unknown_parameter', param);
}

export function unsupported(param: string, why: string): ApiError {
  return new ApiError(400, `Unsupported parameter: '${param}' ${why}.`, 'unsupported_parameter', param);
}
