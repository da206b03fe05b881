// A PKCS#11 module that is SoftHSM with faults, which the environment variable FAULT names.
#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#define NULL_PTR 0
#include <dlfcn.h>
#include <pkcs11.h>
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
  CK_RV rv = softhsm->C_Sign(session, data, length, signature, signature_length);
  if (fault("bad-signature") && rv == CKR_OK) signature[5] ^= 1;
  return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  if (fault("no-pss") && mechanism->mechanism == CKM_RSA_PKCS_PSS) return CKR_MECHANISM_INVALID;
  if (fault("no-sign")) return CKR_KEY_FUNCTION_NOT_PERMITTED;
  return softhsm->C_SignInit(session, mechanism, key);
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  CK_RV rv = softhsm->C_GetTokenInfo(slot, info);
  if (fault("locked")) info->flags |= CKF_USER_PIN_LOCKED;
  if (fault("last-try")) info->flags |= CKF_USER_PIN_FINAL_TRY;
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
  *out = &list;
  return CKR_OK;
}
