/**
 * Test harnesses, as far as their macros make functions or keep results; what their assertions claim their names say.
 *
 * The kernel's own (tools/testing/selftests/kselftest_harness.h), in words of our own: its header is not read, wherever
 * it lies. It registers its tests in lists that a `main` of its own walks, each in a process of its own; here each test is
 * a function that a table names and nobody calls.
 */
const PARAMETER = 'struct __test_metadata *_metadata';

function parameters(fixture: string): string {
  return `(${PARAMETER}, struct _test_data_##${fixture} *self, const struct _fixture_variant_##${fixture} *variant)`;
}

export const TEST_HARNESS = `
#define TEST(test_name) \
static void test_name(${PARAMETER}); \
static void *const _##test_name##_object = test_name; \
static void test_name(${PARAMETER})
#define TEST_SIGNAL(test_name, signal) TEST(test_name)
#define FIXTURE_DATA(fixture_name) struct _test_data_##fixture_name
#define FIXTURE(fixture_name) struct _test_data_##fixture_name
#define FIXTURE_VARIANT(fixture_name) struct _fixture_variant_##fixture_name
#define FIXTURE_VARIANT_ADD(fixture_name, variant_name) \
static const struct _fixture_variant_##fixture_name _##fixture_name##_##variant_name##_variant =
#define FIXTURE_SETUP(fixture_name) static void fixture_name##_setup${parameters('fixture_name')}
#define FIXTURE_TEARDOWN(fixture_name) static void fixture_name##_teardown${parameters('fixture_name')}
#define FIXTURE_TEARDOWN_PARENT(fixture_name) FIXTURE_TEARDOWN(fixture_name)
#define TEST_F(fixture_name, test_name) \
static void fixture_name##_##test_name${parameters('fixture_name')}; \
static void wrapper_##fixture_name##_##test_name(${PARAMETER}, const struct _fixture_variant_##fixture_name *variant) { \
struct _test_data_##fixture_name self_data; \
memset(&self_data, 0, sizeof(self_data)); \
fixture_name##_setup(_metadata, &self_data, variant); \
fixture_name##_##test_name(_metadata, &self_data, variant); \
fixture_name##_teardown(_metadata, &self_data, variant); \
} \
static void *const _##fixture_name##_##test_name##_object = wrapper_##fixture_name##_##test_name; \
static void fixture_name##_##test_name${parameters('fixture_name')}
#define TEST_F_FORK(fixture_name, test_name) TEST_F(fixture_name, test_name)
#define TEST_F_SIGNAL(fixture_name, test_name, signal) TEST_F(fixture_name, test_name)
#define TEST_F_TIMEOUT(fixture_name, test_name, timeout) TEST_F(fixture_name, test_name)
#define SKIP(statement, ...) do { _exit(4); statement; } while (0)
#define TEST_HARNESS_MAIN int main(void) { return 0; }
`;

/** tst_test.h of the Linux Test Project, where it is not there: a call, and what it said. */
export const LINUX_TEST_PROJECT = `
extern long TST_RET;
extern int TST_ERR;
#define TEST(SCALL) do { errno = 0; TST_RET = SCALL; TST_ERR = errno; } while (0)
#define TST_EXP_FD(SCALL, ...) TEST(SCALL)
#define TST_EXP_PID(SCALL, ...) TEST(SCALL)
#define TST_EXP_PASS(SCALL, ...) TEST(SCALL)
#define TST_EXP_POSITIVE(SCALL, ...) TEST(SCALL)
#define TST_EXP_VAL(SCALL, VAL, ...) TEST(SCALL)
#define TST_EXP_FAIL(SCALL, ...) TEST(SCALL)
`;

/** unity.h, where it is not there: what stands around each test. */
export const UNITY = `
#define UNITY_BEGIN() 0
#define UNITY_END() 0
#define RUN_TEST(test) do { setUp(); test(); tearDown(); } while (0)
`;

/** The header as an `#include` names it: projects have copies of it. */
export function isTestHarness(include: string): boolean {
  return /[<"/]kselftest_harness\.h[>"]$/.test(include);
}
