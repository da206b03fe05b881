// A PKCS#11 module that is SoftHSM with faults, which the environment variable FAULT names. LOGIN_LOG names a file that
// gets a line for each C_Login. KEYPAD_PIN is what somebody types on the keypad of the token.
#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#define NULL_PTR 0
#include <dlfcn.h>
#include <pkcs11.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static CK_FUNCTION_LIST_PTR softhsm;
static CK_FUNCTION_LIST list;
static int created = 0;

static int fault(const char *name) {
  const char *value = getenv("FAULT");
  return value != 0 && strcmp(value, name) == 0;
}

static CK_RV initialize(CK_VOID_PTR arguments) {
  if (fault("crash")) abort();
  if (fault("no-pin-in-environment") && getenv("THE_PIN") != 0) return CKR_GENERAL_ERROR;
  while (fault("hang")) sleep(1);
  if (fault("initialize-error")) return CKR_GENERAL_ERROR;
  return softhsm->C_Initialize(arguments);
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                           CK_OBJECT_HANDLE_PTR object) {
  created++;
  if (fault("no-import")) return CKR_FUNCTION_NOT_SUPPORTED;
  if (fault("second-object") && created == 2) return CKR_DEVICE_MEMORY;
  if (fault("third-object") && created == 3) return CKR_DEVICE_MEMORY;
  return softhsm->C_CreateObject(session, template, count, object);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                  CK_BYTE_PTR signature, CK_ULONG_PTR signature_length) {
  if (fault("sign-crash")) raise(SIGSEGV);
  while (fault("sign-hang")) sleep(1);
  if (fault("sign-slow")) sleep(2);
  if (fault("vendor-error")) return CKR_VENDOR_DEFINED + 0x123;
  CK_RV rv = softhsm->C_Sign(session, data, length, signature, signature_length);
  if (fault("bad-signature") && rv == CKR_OK) signature[5] ^= 1;
  return rv;
}

// RSA-PSS, or raw RSA, from which a caller can make it.
static int is_pss(CK_MECHANISM_TYPE type) { return type == CKM_RSA_PKCS_PSS || type == CKM_RSA_X_509; }

static CK_RV mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR types, CK_ULONG_PTR count) {
  CK_RV rv = softhsm->C_GetMechanismList(slot, types, count);
  if (!fault("no-pss") || rv != CKR_OK || types == NULL_PTR) return rv;
  CK_ULONG kept = 0;
  for (CK_ULONG i = 0; i < *count; i++)
    if (!is_pss(types[i])) types[kept++] = types[i];
  *count = kept;
  return CKR_OK;
}

static CK_RV attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE_PTR template, CK_ULONG count) {
  CK_RV rv = softhsm->C_GetAttributeValue(session, object, template, count);
  for (CK_ULONG i = 0; i < count; i++)
    if (fault("always-authenticate") && template[i].type == CKA_ALWAYS_AUTHENTICATE &&
        template[i].pValue != NULL_PTR)
      *(CK_BBOOL *)template[i].pValue = CK_TRUE;
  return rv;
}

static CK_RV slot_list(CK_BBOOL present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count) {
  if (!fault("no-slots")) return softhsm->C_GetSlotList(present, slots, count);
  *count = 0;
  return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                   CK_ULONG length) {
  static char line[300];
  const char *log = getenv("LOGIN_LOG");
  FILE *file = log ? fopen(log, "a") : 0;
  if (file) {
    fputs("login\n", file);
    fclose(file);
  }
  if (fault("login-print") && pin != NULL_PTR) {
    snprintf(line, sizeof line, "C_Login with PIN %.*s\n", (int)length, pin);
    fputs(line, stdout);
    fputs(line, stderr);
    fflush(stdout);
  }
  while (fault("login-hang")) sleep(1);
  if (fault("locks-at-once")) return CKR_PIN_LOCKED;
  if (fault("keypad") && pin == NULL_PTR) {
    pin = (CK_UTF8CHAR_PTR)getenv("KEYPAD_PIN");
    length = strlen((char *)pin);
  }
  return softhsm->C_Login(session, user, pin, length);
}

// A token without login still has to be logged in to SoftHSM to show its private keys.
static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application,
                          CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session) {
  CK_RV rv = softhsm->C_OpenSession(slot, flags, application, notify, session);
  if (rv == CKR_OK && fault("no-login")) {
    CK_UTF8CHAR_PTR pin = (CK_UTF8CHAR_PTR)getenv("KEYPAD_PIN");
    softhsm->C_Login(*session, CKU_USER, pin, strlen((char *)pin));
  }
  return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  if (fault("no-pss") && is_pss(mechanism->mechanism)) return CKR_MECHANISM_INVALID;
  if (fault("no-sign")) return CKR_KEY_FUNCTION_NOT_PERMITTED;
  return softhsm->C_SignInit(session, mechanism, key);
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  CK_RV rv = softhsm->C_GetTokenInfo(slot, info);
  if (fault("locked")) info->flags |= CKF_USER_PIN_LOCKED;
  if (fault("last-try")) info->flags |= CKF_USER_PIN_FINAL_TRY;
  if (fault("keypad")) info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  if (fault("no-login")) info->flags &= ~CKF_LOGIN_REQUIRED;
  return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out) {
  void *library = dlopen(SOFTHSM, RTLD_NOW);
  CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
  CK_RV rv = get(&softhsm);
  if (rv != CKR_OK) return rv;
  list = *softhsm;
  list.C_Initialize = initialize;
  list.C_CreateObject = create_object;
  list.C_Sign = sign;
  list.C_SignInit = sign_init;
  list.C_GetTokenInfo = token_info;
  list.C_GetMechanismList = mechanism_list;
  list.C_GetAttributeValue = attribute_value;
  list.C_GetSlotList = slot_list;
  list.C_Login = login;
  list.C_OpenSession = open_session;
  *out = &list;
  return CKR_OK;
}
